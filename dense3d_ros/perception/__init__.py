"""From a depth image to the hands in it, followed from image to image; models and their files."""
