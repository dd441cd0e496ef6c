"""Reading what lies in and beside a wheel, without believing any of it."""
