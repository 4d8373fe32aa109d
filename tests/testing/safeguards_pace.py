"""The safeguards of the pace: each rule by which a quota is measured, and faults are told from congestion."""

from typing import Final

from tests.testing.mutant import Mutant

ESTIMATOR: Final = "objlib/core/pacing/estimator.py"
RATE_CONTROL: Final = "objlib/core/pacing/rate_control.py"
FAULTS: Final = "objlib/core/pacing/faults.py"
OF_ESTIMATOR: Final = "tests/core/pacing/test_estimator.py"
OF_RATE_CONTROL: Final = "tests/core/pacing/test_rate_control.py"
OF_FAULTS: Final = "tests/core/pacing/test_faults.py"

PACE: Final = (
    Mutant(
        "measurements of a rate in a row are one",
        ESTIMATOR,
        "rate = (state.rate * state.measured_for + state.admitted) / max(",
        "rate = (state.rate * max(1.0, state.measured_for) + state.admitted) / max(",
        f"{OF_ESTIMATOR}::test_two_measurements_in_a_row_are_one",
    ),
    Mutant(
        "a quota fell only if more is missing than both counts err by",
        ESTIMATOR,
        "    if missing > TUNING.certainty * uncertainty(state, seconds) + unknown:\n",
        "    if missing > 0:\n",
        f"{OF_ESTIMATOR}::test_only_more_missing_requests_than_both_errors_are_a_drop",
    ),
    Mutant(
        "a ramp counts from the refusal before it",
        ESTIMATOR,
        "    return reserve(state) + cruised * (rate - state.rate) < common_burst(state) * rate\n",
        "    return False\n",
        f"{OF_ESTIMATOR}::test_a_ramp_counts_from_the_last_refusal_unless_the_bucket_may_have_overflowed",
    ),
    Mutant(
        "a bucket that may have overflowed makes no whole count",
        ESTIMATOR,
        "    cruised = state.probe_since + common_burst(state) - state.measured_since\n",
        "    cruised = 0.0\n",
        f"{OF_ESTIMATOR}::test_a_ramp_counts_from_the_last_refusal_unless_the_bucket_may_have_overflowed",
    ),
    Mutant(
        "a refused probe of a full bucket leaves the rate",
        ESTIMATOR,
        "(state.confident or not (whole or state.contended))",
        "state.confident",
        f"{OF_ESTIMATOR}::test_a_refused_probe_of_a_bucket_that_was_full_never_lowers_the_rate",
    ),
    Mutant(
        "the first refusal tells what the bucket holds",
        ESTIMATOR,
        "min(1.0, state.held_first / rate)",
        "1.0",
        f"{OF_ESTIMATOR}::test_a_small_bucket_behind_hints_of_a_second_is_used",
    ),
    Mutant(
        "the latest of two gates holds",
        RATE_CONTROL,
        "        state = state._replace(gate=max(state.gate, now + retry_after))\n",
        "        state = state._replace(gate=now + retry_after)\n",
        f"{OF_RATE_CONTROL}::test_overlapping_pauses_keep_the_latest_end",
    ),
    Mutant(
        "refusals of one epoch cut the rate once",
        RATE_CONTROL,
        "    if started <= state.throttled_at + max(0.0, TUNING.min_epoch - state.rtt):\n",
        "    if started <= state.throttled_at - 1:\n",
        f"{OF_RATE_CONTROL}::test_a_refusal_cuts_once_in_an_epoch_and_never_speeds_up",
    ),
    Mutant(
        "an idle controller learns nothing",
        RATE_CONTROL,
        "    return _advance(state, started) if state.busy else state\n",
        "    return _advance(state, started)\n",
        f"{OF_RATE_CONTROL}::test_an_idle_controller_does_not_probe",
    ),
    Mutant(
        "an experiment about faults holds the speed",
        "objlib/core/pacing/measured.py",
        "            pace = pace._replace(busy=False)\n",
        "            pass\n",
        f"{OF_FAULTS}::test_an_experiment_holds_the_speed",
    ),
    Mutant(
        "as many faults at a lower speed are noise",
        FAULTS,
        "    if same - fewer > TUNING.sure:\n",
        "    if False:\n",
        f"{OF_FAULTS}::test_two_faults_at_a_lower_speed_do_not_show_that_most_of_them_are_random",
    ),
    Mutant(
        "much noise may remain where most requests fail",
        FAULTS,
        "max(0.1, min(TUNING.assumed_noise, share - 0.5))",
        "0.1",
        f"{OF_FAULTS}::test_two_faults_at_a_lower_speed_do_not_show_that_most_of_them_are_random",
    ),
    Mutant(
        "a test that stays undecided teaches the noise",
        FAULTS,
        "return _learn(_enter(monitor, answer.now, FaultMode.MEASURE), f, n), Verdict.NOTHING",
        "return _enter(monitor, answer.now, FaultMode.MEASURE), Verdict.NOTHING",
        f"{OF_FAULTS}::test_a_test_that_stays_undecided_teaches_the_noise",
    ),
    Mutant(
        "faults that come by chance are no refusals",
        FAULTS,
        "    return max(TUNING.sure, math.log(max(1.0, by_chance)))\n",
        "    return TUNING.sure\n",
        f"{OF_FAULTS}::test_faults_close_together_are_a_refusal_only_where_few_come_by_chance",
    ),
    Mutant(
        "a run of faults is an outage",
        FAULTS,
        "    if monitor.run and monitor.run >= _outage_run(monitor):\n",
        "    if False:\n",
        f"{OF_FAULTS}::test_a_run_of_faults_is_an_outage_and_one_success_ends_it",
    ),
)
