"""What a user could ship in place of the student: its base, linear classifiers, the teacher; and which to take."""
