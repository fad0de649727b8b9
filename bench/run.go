//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// measureAll checks every contestant, then fills the report: size by size, so
// that the objects to read are stored once and each body is made once.
func measureAll(ctx context.Context, f *field, o *options, r *report) error {
	for _, c := range f.contestants {
		for _, payload := range o.payloads {
			if err := c.check(payload == payloadSigned); err != nil {
				return err
			}
		}
	}
	for _, c := range f.contestants {
		if c.name == nameGateway || c.mode != nil {
			if err := checkSealed(c, f.plain); err != nil {
				return err
			}
		}
	}
	plan := cells(o.ops, o.sizes)
	for _, size := range objectSizes {
		part := slices.DeleteFunc(slices.Clone(plan), func(w cell) bool { return w.Size != size })
		load := o.load && size == loadSize
		if len(part) == 0 && !load {
			continue
		}
		body := randomBytes('b', size)
		for _, c := range f.contestants {
			if err := c.prepare(size, body, part); err != nil {
				return err
			}
		}
		for _, w := range part {
			if err := measureRows(ctx, f, w, body, o, r); err != nil {
				return err
			}
		}
		if load {
			if err := measureLoads(ctx, f, body, o, r); err != nil {
				return err
			}
		}
	}
	sortRows(r.Rows, plan)
	return nil
}

// prepare stores what the cells of one size read.
func (c *contestant) prepare(size int64, body []byte, plan []cell) error {
	err := c.seed(size, body)
	has := func(op string) bool {
		return slices.ContainsFunc(plan, func(w cell) bool { return w.Op == op })
	}
	if err == nil && has(opParts) {
		err = c.seedParts(size, body)
	}
	if err == nil && has(opList) {
		err = c.seedList(body)
	}
	return err
}

// measureRows measures one cell in every payload mode.
func measureRows(ctx context.Context, f *field, w cell, body []byte, o *options, r *report) error {
	for _, payload := range o.payloads {
		fmt.Fprintf(os.Stderr, "bench: %s, %s payload\n", w, payload)
		results, err := measureCell(ctx, f.contestants, w, body, payload == payloadSigned, o)
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, newRow(payload, w, results))
		if o.pprof == "" {
			continue
		}
		for _, c := range f.contestants {
			if c.proxy == nil {
				continue
			}
			if err := c.profileCell(ctx, w, body, payload, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func measureLoads(ctx context.Context, f *field, body []byte, o *options, r *report) error {
	for _, c := range f.contestants {
		if c.proxy == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %d transfers through %s\n", loadTransfers, c.name)
		l, err := c.measureLoad(ctx, body, o)
		if err != nil {
			return err
		}
		r.Load = append(r.Load, l)
	}
	return nil
}

// sortRows puts the rows into the order of the plan.
func sortRows(rows []row, plan []cell) {
	slices.SortStableFunc(rows, func(a, b row) int {
		return slices.Index(plan, a.cell) - slices.Index(plan, b.cell)
	})
}
