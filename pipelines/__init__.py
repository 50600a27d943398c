"""One thin script per stage, each the same as `mtnlg <stage>`."""
