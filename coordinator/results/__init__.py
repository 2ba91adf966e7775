"""Results: what runs came to; stored once, whatever happened to their claim."""
