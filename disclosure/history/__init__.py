"""Guards statistics over rows about persons against what earlier ones of the licence said."""
