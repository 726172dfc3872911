"""Data resources (数据资源): where data came from, with whose consent, and how they are read in."""
