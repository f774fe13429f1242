"""The platform's face: validates, forwards to ml-inference, answers in the promised error table."""
