"""Pages of departments: what people have to do."""
