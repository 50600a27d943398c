"""What `import mtnlg` gives: scores of texts, boards and runs as data for notebooks and scripts."""
