"""The jobs that maintain what is stored, and the job of the digest, each with the sensor or schedule that starts it."""
