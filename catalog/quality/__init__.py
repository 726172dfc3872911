"""Quality of what exists: profiles, risks, scores, comparison of sources, corrections."""
