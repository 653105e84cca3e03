"""An incident in words, Japanese and English, every claim citing evidence; and in other formats."""
