"""Sentences as a model might write them about two example lectures, each with a paragraph and whether it bears it out.

They were written before the share of common words was chosen. The even half chose it, and the odd half judges it.
"""

from typing import Final

from tests.house.tree import ROOT

LIBRARY: Final = ROOT / "examples" / "library"
MASTER: Final = "Politics/Year 2022/Q1/01 The kindly master.txt"
STRANGERS: Final = "Ethics/Year 2021/Q2/03 Distant strangers.md"

LABELLED: Final[tuple[tuple[str, int, bool, str], ...]] = (
    (MASTER, 1, True, "A slave with a kind owner who lets him keep his earnings is not hindered by anybody."),
    (MASTER, 1, False, "Berlin held that one can become free by wishing for less."),
    (MASTER, 2, True, "Harrington answered in 1656 that even the greatest bashaw is only a tenant of his head."),
    (MASTER, 2, False, "Harrington answered in 1756 that the bashaw is only a tenant of his head."),
    (MASTER, 2, True, "For Hobbes a private man in Lucca has no more liberty than one in Constantinople."),
    (MASTER, 2, False, "For Constant the ancients had liberty as a share in public power."),
    (MASTER, 3, True, "Constant told the ancients' liberty, a share in power, from that of the moderns in 1819."),
    (MASTER, 3, False, "Constant spoke in Paris in 1820 about liberty."),
    (MASTER, 3, True, "In Rome the citizen debated war but was supervised in everything at home."),
    (MASTER, 3, False, "An employee who can be dismissed without a reason is dominated."),
    (MASTER, 4, True, "Positive liberty means to be one's own master, negative liberty a lack of interference."),
    (MASTER, 4, False, "Pettit thinks that a law may interfere with people without dominating them."),
    (MASTER, 4, True, "Epictetus thought that he was freer than his own master, although he had been a slave."),
    (MASTER, 4, False, "The slave must watch his words and flatter his owner a little."),
    (MASTER, 5, True, "According to Pettit and Skinner a sleeping power to interfere at will makes one unfree."),
    (MASTER, 5, False, "Hobbes compared the liberty of Lucca with that under the Sultan."),
    (MASTER, 5, True, "A wife with a gentle husband was dominated under the old laws of marriage."),
    (MASTER, 5, False, "Only 12 of the citizens were dominated under the old laws of marriage."),
    (STRANGERS, 3, True, "In 1971 nine million people had fled from East Bengal to India."),
    (STRANGERS, 3, False, "Murphy says that I owe what I would owe if everybody did their part."),
    (STRANGERS, 3, True, "Anyone ought to wade into a pond for a toddler, even if the shoes are ruined."),
    (STRANGERS, 3, False, "The price of shoes protects children from malaria when it is sent to the right place."),
    (STRANGERS, 4, True, "Singer's principle: prevent something very bad if nothing of like importance is sacrificed."),
    (STRANGERS, 4, False, "Timmerman thinks that one might be permitted to go and see a play."),
    (STRANGERS, 4, True, "The principle does not mention nearness, names, or others who could help equally well."),
    (STRANGERS, 4, False, "Kamm made pairs of cases in which the closer victim has the stronger claim."),
    (STRANGERS, 6, True, "The cost of a pair of shoes protects children from malaria."),
    (STRANGERS, 6, False, "In November 1971 refugees were dying in camps for want of shelter."),
    (STRANGERS, 6, True, "For Singer, praise for charity is misplaced, since the giver did what he had to."),
    (STRANGERS, 6, False, "Pogge says that rules of trade and debt keep people poor."),
    (STRANGERS, 9, True, "Murphy holds that each owes only a fair share, whatever the slack of others."),
    (STRANGERS, 9, False, "Feelings about nearness have an evolutionary history in small groups."),
    (STRANGERS, 10, True, "Kamm reports that the closer victim seems to have a stronger claim."),
    (STRANGERS, 10, False, "Murphy believes that the task of helping belongs to all of us together."),
    (STRANGERS, 10, True, "Our ancestors lived in small groups, in which all who could be helped were within sight."),
    (STRANGERS, 10, False, "The pond at every step leaves room for a concert now and then."),
    (STRANGERS, 11, True, "Pogge doubts the innocent passer-by, since our governments' rules keep people poor."),
    (STRANGERS, 11, False, "Walking past a shallow pond, one notices that a toddler has fallen in."),
    (STRANGERS, 11, True, "We may be more like those who pushed a child than like one who finds it in the water."),
    (STRANGERS, 11, False, "In 1656 it was said that a citizen of Lucca is the landlord of his own head."),
)  # fmt: skip
"""(file, number of the paragraph from 0, whether it bears the sentence out, the sentence)."""


def paragraph(file: str, number: int) -> str:
    """One paragraph of a lecture."""
    return (LIBRARY / file).read_text("utf-8").split("\n\n")[number]
