package policy

// primary parses a number, a signal, a function or what stands in parentheses.
func (p *parser) primary() (*node, error) {
	t := p.tok
	switch {
	case t.kind == tokNumber:
		return p.number()
	case t.kind == tokName:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.symbol("(") {
			return p.call(t)
		}
		if reserved(t) {
			return nil, p.fail(t.pos, "%q is a unit: write it behind a number, as in 4k tokens/s", t.text)
		}
		return &node{op: opSignal, pos: t.pos, text: t.text, pool: t.pool}, nil
	case p.symbol("("):
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		return n, p.close(t)
	}
	return nil, p.unexpected(t, "a number or a signal")
}

// reserved reports whether t is a word that stands for a unit behind a number.
func reserved(t token) bool {
	_, span := spans[t.text]
	_, thing := things[t.text]
	return t.pool == "" && (span || thing)
}

func (p *parser) close(open token) error {
	if !p.symbol(")") {
		if p.tok.kind == tokEnd {
			return p.fail(open.pos, "the parenthesis is never closed")
		}
		return p.unexpected(p.tok, `")"`)
	}
	return p.advance()
}

// number parses what may follow a number: a percent sign after a space, tokens
// or requests, and the time of a rate.
func (p *parser) number() (*node, error) {
	n := &node{op: opNumber, pos: p.tok.pos, text: p.tok.text, num: p.tok.num}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if n.num.dim.plain() {
		thing, ok := things[p.tok.text]
		switch {
		case p.symbol("%"):
			n.num, n.text = quantity{n.num.value / 100, share}, n.text+"%"
		case ok && p.tok.kind == tokName && p.tok.pool == "":
			n.num.dim, n.text = dimension{atoms: []atom{{thing, 1}}}, n.text+" "+p.tok.text
		}
		if !n.num.dim.plain() {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
	}
	if !p.symbol("/") {
		return n, nil
	}
	before, slash := p.lexer, p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	seconds, ok := spans[p.tok.text]
	if !ok || p.tok.kind != tokName || p.tok.pool != "" {
		p.lexer, p.tok = before, slash // a division like any other
		return n, nil
	}
	n.num, n.text = n.num.per(seconds), n.text+"/"+p.tok.text
	return n, p.advance()
}

// call parses the arguments of a function.
func (p *parser) call(name token) (*node, error) {
	op, ok := functions[name.text]
	if !ok {
		return nil, p.fail(name.pos, "%q is no function: there are min, max and abs", clip(name.text))
	}
	if name.pool != "" {
		return nil, p.fail(name.pos, "a function has no pool")
	}
	open := p.tok
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	n := &node{op: op, pos: name.pos}
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		arg, err := p.sum()
		if err != nil {
			return nil, err
		}
		if err := p.kind(arg, name, false); err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
		if !p.symbol(",") {
			break
		}
	}
	if err := p.close(open); err != nil {
		return nil, err
	}
	switch {
	case op == opAbs && len(n.args) != 1:
		return nil, p.fail(name.pos, "abs takes one number, not %d", len(n.args))
	case op != opAbs && len(n.args) < 2:
		return nil, p.fail(name.pos, "%s takes two numbers or more, not %d", name.text, len(n.args))
	}
	return n, nil
}
