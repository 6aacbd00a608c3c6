"""Tasks: what people have to do, each once, by a date."""
