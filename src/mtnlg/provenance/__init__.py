"""What a run was, and how two runs differ."""
