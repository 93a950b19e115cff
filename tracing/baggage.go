package tracing

import (
	"cmp"
	"context"

	"github.com/callspan/callspan/callback"
	"go.opentelemetry.io/otel/baggage"
)

// WithBaggage puts the session and the user of a run into the baggage of its
// context, as session.id and user.id, so that services called below know them
// if the program propagates baggage. It is off by default, since baggage goes
// with every request that propagates it, also to a model's provider.
//
// Baggage that comes in with these names is read in any case, where a program
// has not said otherwise by callback.WithSession and callback.WithUser.
func WithBaggage() Option {
	return func(c *config) { c.baggage = true }
}

// An owner is on whose behalf a run is made.
type owner struct{ session, user string }

// ownerOf returns what the program says, else what came with the request, as it
// may stand in a span.
func ownerOf(ctx context.Context, info *callback.Info) owner {
	o := owner{info.Session, info.User}
	if o.session == "" || o.user == "" {
		b := baggage.FromContext(ctx)
		o.session = cmp.Or(o.session, b.Member(string(keySession)).Value())
		o.user = cmp.Or(o.user, b.Member(string(keyUser)).Value())
	}
	return owner{bounded(o.session, maxWord), bounded(o.user, maxWord)}
}

// carried returns ctx with o in its baggage.
func (o owner) carried(ctx context.Context) context.Context {
	b := baggage.FromContext(ctx)
	before := b
	for _, m := range []struct{ name, value string }{{string(keySession), o.session}, {string(keyUser), o.user}} {
		if m.value == "" || b.Member(m.name).Value() == m.value {
			continue
		}
		if member, err := baggage.NewMemberRaw(m.name, m.value); err == nil {
			if grown, err := b.SetMember(member); err == nil { // else it is full
				b = grown
			}
		}
	}
	if b.Len() == before.Len() && b.String() == before.String() {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, b)
}
