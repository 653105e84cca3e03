"""How well models write under the checks: incidents in both languages, scripted models, and real small ones."""
