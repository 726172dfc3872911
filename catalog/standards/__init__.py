"""Standards: data elements, code lists, divisions, and how well a version keeps to them."""
