package parser

import "golang.org/x/net/html/atom"

// block is an open element that begins and ends lines, and the ones around it: by them a label's value below it is told
// from what comes after the value.
type block struct {
	tag    atom.Atom
	depth  int
	around *block
}

// maxBlocks is how deep blocks are followed; what is deeper counts to the last of them.
const maxBlocks = 100

// within says whether a block is the other or inside it.
func (b *block) within(other *block) bool {
	for b != nil && b.depth > other.depth {
		b = b.around
	}
	return b == other
}

// holder is the outermost block that holds b and not the label in the block other; nil where there is none.
func (b *block) holder(other *block) *block {
	var found *block
	for ; b != nil && (other == nil || !other.within(b)); b = b.around {
		found = b
	}
	return found
}

// openBlock and closeBlock follow the blocks; an end tag whose start tag is missing or too far out is let pass.
func (r *htmlReader) openBlock(tag atom.Atom) {
	if tag == atom.Tr || tag == atom.Td || tag == atom.Th || tag == atom.P || tag == atom.Li || tag == atom.Dt || tag == atom.Dd {
		r.endOpen(tag)
	}
	depth := 1
	if r.open != nil {
		depth = r.open.depth + 1
	}
	if depth <= maxBlocks {
		r.open = &block{tag, depth, r.open}
	}
}

// endOpen ends the open blocks that a start tag ends by itself (HTML, "optional tags").
func (r *htmlReader) endOpen(tag atom.Atom) {
	for b := r.open; b != nil && b.tag != atom.Table && b.tag != atom.Div && b.tag != atom.Ul && b.tag != atom.Ol && b.tag != atom.Dl; b = b.around {
		isCell := b.tag == atom.Td || b.tag == atom.Th
		switch {
		case b.tag == tag, isCell && (tag == atom.Td || tag == atom.Th || tag == atom.Tr), b.tag == atom.Dt && tag == atom.Dd, b.tag == atom.Dd && tag == atom.Dt:
			r.open = b.around
		case isCell:
			return
		}
	}
}

func (r *htmlReader) closeBlock(tag atom.Atom) {
	steps := 0
	for b := r.open; b != nil && steps < 20; b = b.around {
		if b.tag == tag {
			r.open = b.around
			return
		}
		if b.tag == atom.Table {
			return
		}
		steps++
	}
}
