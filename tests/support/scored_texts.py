"""Five references, and the outputs of a good and of a poor system."""

from __future__ import annotations

REFERENCES = [
    "The cat sat on the mat.",
    "It rained all day in the small town.",
    "She bought three red apples at the market.",
    "Nobody answered the door that night.",
    "The train to the coast leaves at nine.",
]
GOOD = [*REFERENCES[:3], "Nobody opened the door that night.", "The train leaves at nine."]
POOR = ["A dog ran.", "It rained in town all day.", "", "The door was open.", "Trains leave."]
