"""How long records are kept, and how what is past its term is erased and shown to be erased."""
