package main

import (
	"strings"

	"jishan/internal/api"
	"jishan/internal/demo"
)

// walk is award → balance → redeem → board with curl and sed alone. It works any number of times. The board follows within
// half a second; on the first of a month the household is on it only then.
const walk = `api={{api}}
field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
json='Content-Type: application/json'
key() { echo "Idempotency-Key: demo-$(date +%s%N)"; }
officer=$(curl -s $api/auth/login -H "$json" -d '{"audience":"officer","login":"cun-xyx","password":"{{password}}"}' | field access_token)
clerk=$(curl -s $api/auth/login -H "$json" -d '{"audience":"merchant","login":"{{clerk}}","password":"{{password}}"}' | field access_token)
villager=$(curl -s $api/auth/demo -H "$json" -d '{"household":"{{household}}"}' | field access_token)

echo; echo '== 1. 村干部先试算，再加分：{{item}}'
award='{"grants":[{"rule":"{{rule}}","household":"{{household}}"}]}'
curl -s $api/villages/{{village}}/awards/preview -H "Authorization: Bearer $officer" -H "$json" -d "$award"; echo
curl -s $api/villages/{{village}}/awards -H "Authorization: Bearer $officer" -H "$json" -H "$(key)" -d "$award"; echo

echo; echo '== 2. 村民看余额和最近的明细'
curl -s $api/my/households/{{household}}/balance -H "Authorization: Bearer $villager"; echo
curl -s "$api/my/households/{{household}}/statement?limit=2" -H "Authorization: Bearer $villager"; echo

echo; echo '== 3. 村民出示兑换码，店员扫码，兑一件{{name}}'
code=$(curl -s $api/my/households/{{household}}/code -H "Authorization: Bearer $villager" | field text)
ticket=$(curl -s $api/counter/identify -H "Authorization: Bearer $clerk" -H "$json" -d "{\"text\":\"$code\"}" | field ticket)
curl -s $api/counter/redemptions -H "Authorization: Bearer $clerk" -H "$json" -H "$(key)" -d "{\"ticket\":\"$ticket\",\"lines\":[{\"product\":\"{{product}}\",\"quantity\":1}]}"; echo

echo; echo '== 4. 这户在本村本月榜上的位置（榜随后就跟上，等一秒再看）'
sleep 1
curl -s "$api/boards/around?scope={{village}}&subject=household&id={{household}}&n=1" -H "Authorization: Bearer $villager"; echo
`

// walkThrough is walk for the demo at hand.
func walkThrough(base string, g demo.Guide) string {
	household := ""
	if len(g.Homes) > 0 {
		household = g.Homes[0].ID.String()
	}
	return strings.NewReplacer("{{api}}", base+api.Prefix, "{{password}}", demo.Password, "{{clerk}}", g.Try.Shop, "{{household}}", household,
		"{{village}}", g.Pilot.String(), "{{rule}}", g.Try.Rule.String(), "{{item}}", g.Try.Item, "{{product}}", g.Try.Product.String(),
		"{{name}}", g.Try.Name).Replace(walk)
}
