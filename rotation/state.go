package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const stateVersion = 1

// state is how far a job has come, and what it has found until there. It holds
// no secret, but names of buckets, keys and objects.
type state struct {
	Version int    `json:"version"`
	Job     job    `json:"job"`
	Bucket  string `json:"bucket,omitempty"` // in which it is
	After   string `json:"after,omitempty"`  // the last key of it that is done

	// Uploads were in progress when the job began, by master key.
	Uploads map[string]int64 `json:"uploads,omitempty"`

	// Latest are the versions of KMS keys that objects were moved to.
	Latest map[string]int `json:"latest,omitempty"`

	Roots    []RootCount `json:"roots,omitempty"`
	Bytes    int64       `json:"bytes,omitempty"`
	Raced    int64       `json:"raced,omitempty"`
	Problems []Problem   `json:"problems,omitempty"`
}

// job is what must be the same for a state to be of use.
type job struct {
	Name    string   `json:"name"`
	Store   string   `json:"store"`
	Buckets []string `json:"buckets,omitempty"`
	Prefix  string   `json:"prefix,omitempty"`
	Active  string   `json:"active"` // master key
}

func (j *job) equal(o *job) bool {
	return j.Name == o.Name && j.Store == o.Store && slices.Equal(j.Buckets, o.Buckets) && j.Prefix == o.Prefix && j.Active == o.Active
}

// loadState reads the state of the job at path, or returns that of its
// beginning if there is none.
func loadState(path string, j job) (*state, error) {
	begin := &state{Version: stateVersion, Job: j}
	if path == "" {
		return begin, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return begin, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	s := new(state)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil || s.Version != stateVersion {
		return nil, fmt.Errorf("the file %s is no state of this program; choose another, or remove it to begin anew", path)
	}
	if !s.Job.equal(&j) {
		return nil, fmt.Errorf("the file %s is the state of another run, with another store, active key, or choice of objects; choose another, or remove it to begin anew", path)
	}
	return s, nil
}

// save writes the state to path, as a whole or not at all.
func (s *state) save(path string) (err error) {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing the state: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// remove removes the state of a job that is done.
func (s *state) remove(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the state: %w", err)
	}
	return nil
}
