"""What users run instead, each as its own documentation tells them to. They have an environment of their own."""
