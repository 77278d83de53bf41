"""The machine: device and dtype, work in parallel, environment variables, library logs."""
