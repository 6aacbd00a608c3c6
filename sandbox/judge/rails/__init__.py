"""The rails beside the books: what each has on record by itself, and what was promised to banks."""
