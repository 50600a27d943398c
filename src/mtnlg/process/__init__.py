"""How a process speaks, and how it ends: messages, progress, signals."""
