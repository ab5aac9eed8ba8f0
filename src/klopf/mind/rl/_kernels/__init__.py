"""What an agent does in compiled code. Only ``layout`` is free of it; the rest is loaded when an agent first acts."""
