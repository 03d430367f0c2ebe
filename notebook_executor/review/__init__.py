"""Pull requests that change notebooks: what changed, does it run, and is it still what it was?"""
