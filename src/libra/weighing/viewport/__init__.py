"""What depends on the window of a desktop browser: media queries, candidates of images, what is near."""
