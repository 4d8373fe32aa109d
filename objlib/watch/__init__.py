"""Watch: keep the store in step with a folder, by runs that are like any other."""
