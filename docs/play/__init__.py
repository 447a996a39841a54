"""What a reader can move on the pages, in JavaScript, and the figures that stand there without."""
