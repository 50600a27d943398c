"""What other tools would say of the same outputs, and what is wrong with the texts."""
