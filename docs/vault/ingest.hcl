# An instance that only writes. Whoever takes it over gets new data, not old.
path "transit/encrypt/s3-*" {
  capabilities = ["update"]
}
