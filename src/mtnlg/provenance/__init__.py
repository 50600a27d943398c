"""What a run was, and what came of it: run.json and launch.json."""

from mtnlg.provenance.manifest import Manifest, read_objective, write_launch

__all__ = ["Manifest", "read_objective", "write_launch"]
