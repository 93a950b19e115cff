package dialogue

import "testing"

func TestFlowerShop(t *testing.T) {
	for _, lang := range []string{"zh", "en"} {
		turns, err := FlowerShop(lang, 30)
		if err != nil {
			t.Fatal(err)
		}
		for i, turn := range turns {
			if turn.User == "" || turn.Reply == "" {
				t.Errorf("%s: turn %d is not whole", lang, i+1)
			}
		}
	}
	if _, err := FlowerShop("fr", 1); err == nil {
		t.Error("no error for a language that is not there")
	}
}
