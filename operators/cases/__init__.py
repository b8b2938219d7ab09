"""What is known of the files of a case, kept with its dataset."""
