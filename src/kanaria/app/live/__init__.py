"""What live inputs need beyond files: several read side by side, and connections that are still open."""
