"""One run from end to end: composed, checked, run stage by stage, recorded."""
