// Package rotation changes the encryption of objects that are in a store
// already: Rewrap moves them to the active master key and to the latest versions
// of their KMS keys, without their data being written or even read, and Migrate
// encrypts objects that were there before the gateway was.
//
// Both go through buckets in order of the keys, can be stopped and go on where
// they were, and report everything that they could not do. They speak to the store
// itself, with the account of the gateway, and work while gateways serve it.
//
// Nothing here knows Caddy or the command line.
package rotation
