"""What a released file may hold: foreign bytes read apart, hidden content found, figures drawn."""
