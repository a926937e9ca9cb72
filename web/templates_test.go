package web

import (
	"testing"

	"github.com/jba/templatecheck"
)

func TestEveryTemplateFitsItsPage(t *testing.T) {
	t.Parallel()
	views := map[string]any{
		"tickets": ticketsView{}, "feeds": feedsView{}, "ticket": ticketView{}, "mail": mailView{}, "oncall": onCallView{}, "outgoing": outgoingView{}, "audit": auditView{}, "section": sectionView{}, "entry": entryView{}, "tokens": tokensView{}, "accounts": accountsView{}, "sessions": sessionsView{}, "deliveries": deliveriesView{}, "person": personView{}, "simulation": simulationView{}, "setup": setupView{}, "teach": teachView{}, "reading": readingView{}, "push": pushView{}, "configuration": configurationView{},
		"letter": letterView{}, "night": nightView{}, "standby": standbyView{}, "deadlink": bare{}, "login": loginView{}, "loginlink": loginLinkView{}, "error": errorView{},
		"account":    accountView{},
		"invitation": invitationView{},
		"onward":     onwardView{},
		"calendar":   calendarView{},
		"load":       loadView{},
		"loads":      loadsView{},
		"policy":     policyView{},
		"history":    historyView{},
		"handover":   handoverView{},
		"requests":   requestsView{},
		"insights":   insightsView{},
		"status":     statusView{}, "statusaway": statusAwayView{},
		"design":    designView{},
		"change":    changeView{},
		"undo":      undoView{},
		"retention": retentionView{},
		"playbooks": playbooksView{}, "playbookrun": runView{}, "dryrun": dryRunView{},
	}
	parsed, err := parseTemplates()
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed) != len(views) {
		t.Errorf("got %d templates, want %d checked", len(parsed), len(views))
	}
	for name, page := range parsed {
		if err := templatecheck.CheckHTML(page.Lookup("page"), views[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
