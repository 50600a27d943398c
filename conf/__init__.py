"""The configuration groups, as package data: Hydra composes from `pkg://mtnlg.conf`."""
