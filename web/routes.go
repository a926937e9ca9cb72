package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"afterhours/web/api"
	"afterhours/web/auth"
)

// routes is the whole site.
func (s *Site) routes() (http.Handler, error) {
	r := chi.NewRouter()
	r.Use(s.logged, s.recovered, s.guarded, middleware.GetHead)
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed)
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.Method(http.MethodGet, "/metrics", s.Metrics)
	r.Get("/static/{name}", s.static)
	r.Get("/worker.js", s.worker)
	r.Get("/afterhours.webmanifest", s.manifest)
	r.Group(func(r chi.Router) {
		r.Use(limited)
		r.Post("/hooks/twilio/voice/{token}", s.twilioHook(s.keyPressed))
		r.Post("/hooks/twilio/sms", s.twilioHook(s.textReceived))
		r.Post("/hooks/twilio/status/{token}", s.twilioHook(s.reportReceived))
		r.Post("/hooks/slack", s.slackHook(s.slackPressed))
	})
	var err error
	r.Group(func(r chi.Router) {
		r.Use(s.beforeDatabase, s.Auth.Sessions(s.fail))
		r.Get("/login", s.open(s.showLogin))
		r.Post("/login", s.open(s.login))
		r.Get("/login/{token}", s.open(s.showLoginLink))
		r.Post("/login/{token}", s.open(s.loginByLink))
		r.Post("/logout", s.open(s.logout))

		r.Get("/ack/{token}", s.night(s.showNight))
		r.Post("/ack/{token}", s.night(s.nightAcknowledge))
		r.Post("/ack/{token}/take-over", s.night(s.nightTakeOver))
		r.Post("/ack/{token}/undo", s.night(s.nightUndo))
		r.Post("/ack/{token}/escalate", s.night(s.nightEscalate))
		r.Post("/ack/{token}/snooze", s.night(s.nightSnooze))
		r.Post("/ack/{token}/note", s.night(s.nightNote))

		r.Get("/", s.desk(auth.Viewer, s.home))
		r.Get("/tickets", s.desk(auth.Viewer, s.listTickets))
		r.Get("/tickets/live", s.desk(auth.Viewer, s.streamNews))
		r.Get("/tickets/export/{format}", s.desk(auth.Viewer, s.exportTickets))
		r.Post("/tickets/acknowledge", s.desk(auth.Responder, s.bulkAcknowledge))
		r.Post("/tickets/resolve", s.desk(auth.Responder, s.bulkResolve))
		r.Post("/tickets/filters", s.desk(auth.Viewer, s.saveFilter))
		r.Post("/tickets/filters/remove", s.desk(auth.Viewer, s.removeFilter))
		r.Get("/tickets/{number}", s.desk(auth.Viewer, s.showTicket))
		r.Get("/tickets/{number}/mails/{id}", s.desk(auth.Viewer, s.showMail))
		r.Post("/tickets/{number}/acknowledge", s.desk(auth.Responder, s.acknowledge))
		r.Post("/tickets/{number}/take-over", s.desk(auth.Responder, s.takeOver))
		r.Post("/tickets/{number}/undo-acknowledge", s.desk(auth.Responder, s.undoAcknowledge))
		r.Post("/tickets/{number}/mute", s.desk(auth.Responder, s.mute))
		r.Post("/tickets/{number}/resolve", s.desk(auth.Responder, s.resolve))
		r.Post("/tickets/{number}/reopen", s.desk(auth.Responder, s.reopen))
		r.Post("/tickets/{number}/escalate", s.desk(auth.Responder, s.escalate))
		r.Post("/tickets/{number}/snooze", s.desk(auth.Responder, s.snooze))
		r.Post("/tickets/{number}/assign", s.desk(auth.Responder, s.assign))
		r.Post("/tickets/{number}/notes", s.desk(auth.Responder, s.note))
		r.Post("/tickets/{number}/reparse", s.desk(auth.Responder, s.reparse))
		r.Get("/schedules/{schedule}", s.desk(auth.Viewer, s.showCalendar))
		r.Get("/oncall", s.desk(auth.Viewer, s.showOnCall))
		r.Post("/oncall/{schedule}/overrides", s.desk(auth.Responder, s.addOverride))
		r.Post("/oncall/{schedule}/overrides/remove", s.desk(auth.Responder, s.removeOverride))
		r.Get("/oncall/{schedule}/history", s.desk(auth.Viewer, s.showHistory))
		r.Get("/ical/{feed}", s.open(s.showFeed))
		r.Get("/oncall/feeds", s.desk(auth.Viewer, s.listFeeds))
		r.Post("/oncall/feeds", s.desk(auth.Viewer, s.createFeed))
		r.Post("/oncall/feeds/{id}/end", s.desk(auth.Viewer, s.endFeed))
		r.Get("/oncall/simulate", s.desk(auth.Viewer, s.showSimulation))
		r.Post("/oncall/simulate", s.desk(auth.Viewer, s.simulate)) // the mail may be long; nothing is kept
		r.Get("/people/{person}", s.desk(auth.Viewer, s.showPerson))
		r.Post("/people/{person}/contacts/{contact}/test", s.desk(auth.Viewer, s.testContact))
		r.Post("/people/{person}/contacts/{contact}/code", s.desk(auth.Viewer, s.sendCode))
		r.Post("/people/{person}/contacts/{contact}/verify", s.desk(auth.Viewer, s.verifyContact))
		r.Get("/playbooks", s.desk(auth.Viewer, s.listPlaybooks))
		r.Get("/playbooks/{playbook}/dry-run", s.desk(auth.Viewer, s.showDryRun))
		r.Get("/playbooks/runs/{id}", s.desk(auth.Viewer, s.showRun))
		r.Post("/playbooks/runs/{id}/approve", s.desk(auth.Responder, s.answerRun(true)))
		r.Post("/playbooks/runs/{id}/decline", s.desk(auth.Responder, s.answerRun(false)))
		r.Post("/playbooks/runs/{id}/undo", s.desk(auth.Responder, s.undoRun))
		r.Get("/setup", s.desk(auth.Admin, s.showSetup))
		r.Post("/setup", s.desk(auth.Admin, s.setUp))
		r.Get("/settings", s.desk(auth.Viewer, s.settings))
		r.Get("/settings/{section}", s.desk(auth.Viewer, s.listEntries))
		r.Get("/settings/{section}/{entry}", s.desk(auth.Admin, s.showEntry))
		r.Post("/settings/{section}/{entry}", s.desk(auth.Admin, s.saveEntry))
		r.Get("/settings/webhooks/{webhook}/deliveries", s.desk(auth.Admin, s.listDeliveries))
		r.Post("/settings/webhooks/{webhook}/deliveries/{id}/again", s.desk(auth.Admin, s.redeliver))
		r.Post("/settings/webhooks/{webhook}/enable", s.desk(auth.Admin, s.enableWebhook))
		r.Post("/settings/{section}/{entry}/remove", s.desk(auth.Admin, s.removeEntry))
		r.Post("/settings/{section}/{entry}/move", s.desk(auth.Admin, s.moveEntry))
		r.Get("/settings/tokens", s.desk(auth.Admin, s.listTokens))
		r.Post("/settings/tokens", s.desk(auth.Admin, s.createToken))
		r.Post("/settings/tokens/{name}/revoke", s.desk(auth.Admin, s.revokeToken))
		r.Get("/settings/accounts", s.desk(auth.Admin, s.listAccounts))
		r.Post("/settings/accounts", s.desk(auth.Admin, s.createAccount))
		r.Post("/settings/accounts/{account}/change", s.desk(auth.Admin, s.changeAccount))
		r.Get("/sessions", s.desk(auth.Viewer, s.listSessions))
		r.Post("/sessions/{session}/end", s.desk(auth.Viewer, s.endSession))
		r.Get("/push", s.desk(auth.Viewer, s.showPush))
		r.Post("/push/devices", s.desk(auth.Viewer, s.subscribe))
		r.Post("/push/devices/remove", s.desk(auth.Viewer, s.unsubscribe))
		r.Get("/settings/configuration", s.desk(auth.Viewer, s.showConfiguration))
		r.Get("/settings/reading", s.desk(auth.Viewer, s.showReading))
		r.Post("/settings/reading/reparse", s.desk(auth.Admin, s.rereadUnrecognised))
		r.Get("/teach/{id}", s.desk(auth.Admin, s.showTeach))
		r.Post("/teach/{id}", s.desk(auth.Admin, s.teach))
		r.Get("/settings/audit", s.desk(auth.Admin, s.listAudit))
		r.Get("/settings/outgoing", s.desk(auth.Viewer, s.listOutgoing))
		// A letter holds the link that answers as its recipient.
		r.Get("/settings/outgoing/{id}", s.desk(auth.Responder, s.showLetter))

		err = api.Mount(r, api.Options{
			Tickets: s.Tickets, OnCall: s.OnCall, Auth: s.Auth, Log: s.Log, Now: s.Now, Version: s.Version,
		})
	})
	return r, err
}
