"""What a forecast costs, beside what others pay for it: `make bench`."""
