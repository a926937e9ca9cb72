package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDraggingOverACalendarFillsInAnOverride drags backwards over a part of a week at whose end clocks are changed: it has
// 169 hours, and the form wants the clock of the schedule, whatever the browser's is.
func TestDraggingOverACalendarFillsInAnOverride(t *testing.T) {
	t.Parallel()
	app, _ := furnished(t)
	ctx := browser(t)
	complaints := listen(t, ctx)
	signIn(t, ctx, app)
	if err := chromedp.Do(ctx, chromedp.Navigate(app.baseURL+"/schedules/primary?date=2026-10-25")); err != nil {
		t.Fatal(err)
	}
	filled, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
		const grip = document.querySelector(".grip"), box = grip.getBoundingClientRect();
		grip.setPointerCapture = () => {};
		const fire = (type, share) => grip.dispatchEvent(new PointerEvent(type, { clientX: box.left + box.width * share, clientY: box.top + 4, pointerId: 1, bubbles: true }));
		fire("pointerdown", 0.5); fire("pointermove", 0.4); fire("pointerup", 0.3);
		const form = document.querySelector(".overriding");
		return form.elements.start.value + " " + form.elements.end.value + " " + document.activeElement.name;
	})()`))
	// 50.7 and 84.5 hours after Monday's midnight, to the nearest quarter.
	if want := "2026-10-21T02:45 2026-10-22T12:30 person"; err != nil || filled != want {
		t.Errorf("got %q, %v, want %q", filled, err, want)
	}
	if told := complaints(); len(told) > 0 {
		t.Errorf("the browser complains: %q", told)
	}
}
