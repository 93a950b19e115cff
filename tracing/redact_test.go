package tracing_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callspan/callspan/internal/cputime"
	"github.com/callspan/callspan/internal/dialogue"
	"github.com/callspan/callspan/tracing"
)

// redactors are the ready ones, by the word that they leave.
var redactors = map[string]func(string) string{
	"key": tracing.RedactKeys, "email": tracing.RedactEmails, "phone": tracing.RedactPhones,
	"card": tracing.RedactCards, "iban": tracing.RedactIBANs, "ip": tracing.RedactIPs,
}

func ExampleRedactEmails() {
	fmt.Println(tracing.RedactEmails("Write to mei@example.com or to 客服li.wei@flower.cn。"))
	// Output: Write to [email] or to 客服[email]。
}

func ExampleRedactKeys() {
	fmt.Println(tracing.RedactKeys("curl -H 'Authorization: Bearer sk-proj-4f9aK2mQx81LzP0w' https://api.example.com/v1/models"))
	fmt.Println(tracing.RedactKeys("postgres://shop:rosesAre3d@db.internal/orders, AZURE_API_KEY=0f3b5c7a9e1d4826b0c8f7e6d5a49382"))
	// Output:
	// curl -H 'Authorization: Bearer [key]' https://api.example.com/v1/models
	// postgres://shop:[key]@db.internal/orders, AZURE_API_KEY=[key]
}

func ExampleRedactPhones() {
	fmt.Println(tracing.RedactPhones("Call +49 30 901820, (415) 555-2671 or 138 0013 8000 about order 4155552671."))
	// Output: Call [phone], [phone] or [phone] about order 4155552671.
}

func ExampleRedactCards() {
	fmt.Println(tracing.RedactCards("Paid with 4111 1111 1111 1111, order 4111111111111112."))
	// Output: Paid with [card], order 4111111111111112.
}

func ExampleRedactIBANs() {
	fmt.Println(tracing.RedactIBANs("Transfer it to DE89 3704 0044 0532 0130 00, please."))
	// Output: Transfer it to [iban], please.
}

func ExampleRedactIPs() {
	fmt.Println(tracing.RedactIPs("203.0.113.7:51234 and 2001:db8::8a2e, at version 1.26.0.1"))
	// Output: [ip]:51234 and [ip], at version 1.26.0.1
}

const (
	letters40 = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zA3bC5d"
	hex32     = "0f3b5c7a9e1d4826b0c8f7e6d5a49382"
	body      = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
	jwt       = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6Ik1laSJ9.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)

// TestRedact: what each redactor takes out of a text, and what it leaves.
func TestRedact(t *testing.T) {
	for _, tc := range []struct{ word, in, want string }{
		// Keys by their form.
		{"key", "sk-proj-" + letters40, "[key]"},
		{"key", "key: sk-" + letters40[:20] + "T3BlbkFJ" + letters40[20:] + ".", "key: [key]."},
		{"key", "(sk-ant-api03-" + letters40 + "-" + letters40 + "AA)", "([key])"},
		{"key", "sk-or-v1-" + hex32 + hex32, "[key]"},
		{"key", "sk-lf-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d", "[key]"},
		{"key", "sk-" + hex32, "[key]"},
		{"key", "gsk_" + letters40 + "aB3dE5fG7hJ9", "[key]"},
		{"key", "xai-" + letters40 + letters40, "[key]"},
		{"key", "pplx-" + letters40, "[key]"},
		{"key", "nvapi-" + letters40, "[key]"},
		{"key", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "[key]"},
		{"key", "r8_" + letters40[:37], "[key]"},
		{"key", "AIzaSyB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1z", "[key]"},
		{"key", "https://maps.example.com/?key=AIzaSyB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1z&q=roses", "https://maps.example.com/?key=[key]&q=roses"},
		{"key", "AKIAIOSFODNN7EXAMPLE", "[key]"},
		{"key", "ASIAY34FZKBOKMUTVV7A,", "[key],"},
		{"key", "LTAI5tB3dE5fG7hJ9kL1mN2p", "[key]"},
		{"key", "ghp_" + letters40[:36], "[key]"},
		{"key", "github_pat_11ABCDEFG0" + letters40 + "_" + letters40, "[key]"},
		{"key", "glpat-aB3dE-fG7hJ9kL1mN2pQ", "[key]"},
		{"key", "xoxb-123456789012-1234567890123-aB3dE5fG7hJ9kL1mN2pQ4rS6", "[key]"},
		{"key", "sk_live_" + letters40[:24], "[key]"},
		{"key", "SG." + letters40[:22] + "." + letters40 + "abc", "[key]"},
		{"key", "ya29." + letters40 + "-" + letters40, "[key]"},
		{"key", "hvs." + letters40, "[key]"},
		{"key", "123456789:AAE" + letters40[:32], "[key]"},
		{"key", "npm_" + letters40[:36], "[key]"},
		{"key", "dapi" + hex32, "[key]"},
		{"key", "SK" + hex32, "[key]"},
		{"key", "1aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zA3bC5dE7fG9hJ1kL3mJQQJ99BCACYeBjFXJ3w3AAAAACOGabcd", "[key]"},
		{"key", "abc8Q~" + letters40[:34], "[key]"},
		{"key", "jwt " + jwt + " ends", "jwt [key] ends"},

		// Keys in places that hide where they begin.
		{"key", `{"text":"first\nsk-proj-` + letters40 + `"}`, `{"text":"first\n[key]"}`},
		{"key", `{"text":"a\u003dsk-proj-` + letters40 + `"}`, `{"text":"a\u003d[key]"}`},
		{"key", "q=a%20sk-proj-" + letters40, "q=a%20[key]"},
		{"key", "--sk-proj-" + letters40 + ", x-", "--[key], x-"},
		{"key", "密钥sk-proj-" + letters40 + "是", "密钥[key]是"},
		{"key", "https://api.example.com/bot/sk-proj-" + letters40 + "/send", "https://api.example.com/bot/[key]/send"},

		// Private keys.
		{"key", "a\n-----BEGIN RSA PRIVATE KEY-----\n" + body + "\n" + body + "\nabc=\n-----END RSA PRIVATE KEY-----\nb", "a\n[key]\nb"},
		{"key", `{"private_key":"-----BEGIN PRIVATE KEY-----\n` + body + `\n-----END PRIVATE KEY-----\n"}`, `{"private_key":"[key]\n"}`},
		{"key", "-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + "\n" + body[:30], "[key]"},
		{"key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + body + "\n-----END PGP PRIVATE KEY BLOCK-----", "[key]"},
		{"key", "-----BEGIN PRIVATE KEY----- starts one", "-----BEGIN PRIVATE KEY----- starts one"},
		{"key", "-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----"},

		// What is given to somebody or to a name.
		{"key", "Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [key]"},
		{"key", "authorization: bearer " + letters40 + "==", "authorization: bearer [key]"},
		{"key", "Authorization: Basic bWVpOnJvc2VzQXJlM2Q=", "Authorization: Basic [key]"},
		{"key", "api-key: " + hex32, "api-key: [key]"},
		{"key", `os.environ["AZURE_OPENAI_API_KEY"] = "` + hex32 + `"`, `os.environ["AZURE_OPENAI_API_KEY"] = "[key]"`},
		{"key", `{"client_secret": "` + letters40 + `"}`, `{"client_secret": "[key]"}`},
		{"key", `{\"apiKey\":\"` + letters40 + `\"}`, `{\"apiKey\":\"[key]\"}`},
		{"key", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY9EXAMPLEKE", "aws_secret_access_key = [key]"},
		{"key", "AccountName=shop;AccountKey=" + letters40 + "+/" + letters40 + "aB3==;EndpointSuffix=core.windows.net", "AccountName=shop;AccountKey=[key];EndpointSuffix=core.windows.net"},
		{"key", "tool --api-key " + letters40, "tool --api-key [key]"},
		{"key", "https://blob.example.com/a?sv=2024&sig=" + letters40 + "%3D", "https://blob.example.com/a?sv=2024&sig=[key]%3D"},
		{"key", "密码：x\napi_key：" + letters40, "密码：x\napi_key：[key]"},
		{"key", "api_key=1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b", "api_key=[key]"},
		{"key", "AZURE_OPENAI_KEY=" + hex32, "AZURE_OPENAI_KEY=[key]"},
		{"key", "AZURE_OPENAI_KEY_2=" + letters40[:32] + " azureKey = '" + hex32 + "'", "AZURE_OPENAI_KEY_2=[key] azureKey = '[key]'"},
		{"key", "Invalid API key: " + hex32 + ", Invalid API key: " + letters40[:32], "Invalid API key: [key], Invalid API key: [key]"},
		{"key", "Incorrect API key provided: " + letters40[:32] + ". You can find", "Incorrect API key provided: [key]. You can find"},
		{"key", "The API key '" + hex32 + "' is wrong; my key is " + hex32, "The API key '[key]' is wrong; my key is [key]"},
		{"key", "api-key: " + letters40[:32] + ` {"api_key":"` + hex32 + `"} {"key":"` + hex32 + `"}`, `api-key: [key] {"api_key":"[key]"} {"key":"[key]"}`},
		{"key", "**API Key:** `" + hex32 + "`\napi_key:\n  " + hex32, "**API Key:** `[key]`\napi_key:\n  [key]"},
		{"key", "https://api.example.com/v1?key=" + hex32 + "&q=roses, /v1?q=roses&key=" + letters40[:32], "https://api.example.com/v1?key=[key]&q=roses, /v1?q=roses&key=[key]"},
		{"key", "next=%2Fv1%3Fapi_key%3D" + hex32 + ` a=1 api_key=` + hex32, "next=%2Fv1%3Fapi_key%3D[key]" + ` a=1 api_key=[key]`},
		{"key", "Bearer " + hex32 + ", Bearer " + letters40[:32] + ", Bearer QzWmXnPqRsTvYbLkJhGfDcKaEuIoNwMx", "Bearer [key], Bearer [key], Bearer [key]"},
		{"key", "token=QzWmXnPqRsTvYbLkJhGfDcKaEuIoNwMx, secret: k3j9x2mmq7wzz1cvv6bnn2lpp5trr7yy", "token=[key], secret: [key]"},
		{"key", "Authorization: Key 1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b:" + hex32 + ", X-Litellm-Key: " + hex32, "Authorization: Key [key], X-Litellm-Key: [key]"},
		{"key", "Helicone-Auth: " + hex32 + " x-session-cookie: " + hex32, "Helicone-Auth: [key] x-session-cookie: [key]"},
		{"key", `client := azure.New(url, azure.WithKey("` + hex32 + `"))`, `client := azure.New(url, azure.WithKey("[key]"))`},
		{"key", "您的API密钥是" + hex32 + "，令牌：" + hex32, "您的API密钥是[key]，令牌：[key]"},
		{"key", "token=-_" + letters40 + `, {"client_secret":"_` + letters40[:32] + `"}`, `token=[key], {"client_secret":"[key]"}`},
		{"key", "sk-QzWmXnPqRsTvYbLkJhGfDcKaEuIoNwMx, api_key=qzwmxnpqrstvyblkjhgfdckaeuionwmx", "[key], api_key=[key]"},
		{"key", "password=hunter2!", "password=[key]!"},
		{"key", `password: "hunter22"`, `password: "[key]"`},
		{"key", "DB_PASSWORD=s3cr3t-Pa55", "DB_PASSWORD=[key]"},
		{"key", "The password: Sommer2026", "The password: [key]"},
		{"key", "redis://:s3cr3tPa55@cache:6379/0", "redis://:[key]@cache:6379/0"},
		{"key", "mysql://root:p@ss/word@db", "mysql://root:p@ss/word@db"}, // not a URL: its host is ss

		// No keys.
		{"key", "task-scheduler-configuration-2024 and risk-assessment-methodology-v12", ""},
		{"key", `<div class="sk-container-id-12 sk-toggleable__content-1234">`, ""},
		{"key", "The primary_key is user_0123456789abcdef, cache_key=" + hex32, ""},
		{"key", "sha256:" + hex32 + hex32 + " commit 16ab97d0d54bba510b91672e29a2a932c7ab0dcd", ""},
		{"key", "trace 4bf92f3577b34da6a3ce929d0e0e4736, request 1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b", ""},
		{"key", "chatcmpl-9kL1mN2pQ4rS6tU8vW0xY1zA3bC5d call_aB3dE5fG7hJ9kL1mN2pQ4rS6 fp_44709d6fcb resp_" + hex32, ""},
		{"key", "max_tokens: 4096, next_page_token: " + letters40, ""},
		{"key", "password: at least 8 characters, password = readPassword(file1)", ""},
		{"key", "password = config2.Password1Field", ""},
		{"key", "postgres://user:password@localhost, https://user:${DB_PASSWORD}@host, http://me:xxxxx@host", ""},
		{"key", "export API_KEY=your_api_key_here OPENAI_API_KEY=<your-key>", ""},
		{"key", "PrivateKey: testRSA2048PrivateKey, token := strings.TrimPrefix(authorizationHeader2, x)", ""},
		{"key", "The bearer of this certificate-of-deposit is entitled to internationalization.", ""},
		{"key", "PWD=/srv/mei/shop2/roses and OLDPWD=/srv/mei1", ""},
		{"key", "if password == expectedPassword1 { token = nextToken(12345678901234567890) }", ""},
		{"key", "secret: a1-b2-c3-d4-e5-f6-g7-h8, token: my-service-2024-01-15-blue", ""},
		{"key", "Key West, key-value, turkey-sandwich-with-cranberry-1234567890", ""},
		{"key", "AKIAIOSFODNN7EXAMPLEANDMORE eyJust eyJustAVeryLongWordInPascalCase", ""},
		{"key", "sort_key: " + hex32 + `, {"partitionKey":"` + hex32 + `"}, cacheKey = "` + hex32 + `", public_key=` + letters40, ""},
		{"key", "the cache key is " + hex32 + ", primary key: " + hex32 + ", foreign key " + hex32, ""},
		{"key", `Idempotency-Key: 1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b {"key":"1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b"} <li key="item-0123456789abcdef0123">`, ""},
		{"key", "key: Linux-go-" + hex32 + `, {"key":"uploads/2024/` + hex32 + `.png"}, const kSeedKey = 0x9E3779B97F4A7C15`, ""},
		{"key", "The API key ID is " + hex32 + ", the keyboard is " + letters40 + ", keys: " + hex32 + ", token\n" + hex32, ""},
		{"key", "apiKey := cfg.OpenAIAPIKeyFromEnv; token := getURLForHTTPRequestByID(x); key := sumOfSha256AndSha512(x)", ""},
		{"key", `objectKey := object.Key("MasterUserSecretKmsKeyId"); rawToken(9007199254740993); TLSKey = serverCertPrivKeyPEM`, ""},
		{"key", "The key is chatcmpl-9kL1mN2pQ4rS6tU8vW0xY1zA3bC5d, key takeaways: 1234567890123456789012, key=12345678901234567890", ""},
		{"key", "The secret of commit 16ab97d0d54bba510b91672e29a2a932c7ab0dcd is trace 4bf92f3577b34da6a3ce929d0e0e4736", ""},
		{"key", "API key required. The key to a long life is " + "a-good-breakfast-with-2-eggs-and-1-coffee", ""},
		{"key", "api_key=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx token=ABCDEFGHIJKLMNOPQRSTUVWXYZ key: NewHTTPClientWithTLSConfigAndMTLSKeyPair", ""},
		{"key", "rawToken(`-99999999999999999999`), WithToken(\"-12345678901234567890\")", ""},
		{"key", "token: -----------------------------, secret: --verbose-mode-with-2-flags-and-1-more", ""},
		{"key", "一二三四五六七八九十：玫瑰、百合、郁金香与向日葵，今日特价。", ""},

		// E-mail addresses.
		{"email", "mei@example.com", "[email]"},
		{"email", "Mei <mei.li+roses@sub.example.co.uk>, and x@163.com.", "Mei <[email]>, and [email]."},
		{"email", "请联系mei@flower.cn谢谢", "请联系[email]谢谢"},
		{"email", "jörg@müller.de or info@xn--mller-kva.de or a@b.xn--p1ai", "[email] or [email] or [email]"},
		{"email", `{"mail":"a\nmei@example.com"}`, `{"mail":"a\n[email]"}`},
		{"email", "mailto:mei@example.com?subject=Roses", "mailto:[email]?subject=Roses"},
		{"email", "a@b.de.Then b", "[email] b"},
		{"email", "git@github.com:callspan/callspan.git, @app.route, user@host, foo@1.2.3-beta.rc, logo@2x.png", ""},
		{"email", "5 @ $3.00 each; @mei said so; 10%@night; a@b", ""},

		// Telephone numbers.
		{"phone", "+1 415 555 2671, +1 (415) 555-2671, +14155552671", "[phone], [phone], [phone]"},
		{"phone", "+86 138 0013 8000 / +86-10-1234-5678", "[phone] / [phone]"},
		{"phone", "+49 (0)30 901820 und +44 20 7946 0958", "[phone] und [phone]"},
		{"phone", "(415) 555-2671 or 415-555-2671 or 415.555.2671 or 1-800-555-0199", "[phone] or [phone] or [phone] or [phone]"},
		{"phone", "电话：13800138000，或 010-12345678、0571-88888888 转 1", "电话：[phone]，或 [phone]、[phone] 转 1"},
		{"phone", "请拨打400-820-8820或138-0013-8000。", "请拨打[phone]或[phone]。"},
		{"phone", "030 901820-0; 0171/1234567; 0171 123 45 67; 06 12 34 56 78; 090-1234-5678; 020 7946 0958", "[phone]; [phone]; [phone]; [phone]; [phone]; [phone]"},
		{"phone", "tel: 5552671, phone number is 555 2671, call me at 4155552671", "tel: [phone], phone number is [phone], call me at [phone]"},
		{"phone", `{"phone":"4155552671","mobilePhone":13800138000}`, `{"phone":"[phone]","mobilePhone":[phone]}`},
		{"phone", "2024-01-15, 15.01.2024, 01/02/2024, 2024-01-15 10:30:00, 20240115103000, 1700000000, 1700000000000", ""},
		{"phone", "$1,299.00, 12.345.678,90 €, 1 299,00 EUR, ¥13800138000, 3.14159265358979, 1e+10000000", ""},
		{"phone", "order 4155552671, 订单号13800138000, invoice 0123-456789, ISBN 978-3-16-148410-0, #4155552671", ""},
		{"phone", "16 GiB are 17179869184 bytes; it took 13800138000 ns; size=13800138000; \"amount\": 15000000000", ""},
		{"phone", "1e2f3a4b-5c6d-7e8f-9a0b-1c2d3e4f5a6b 192.168.0.1 10.0.19041.1 v1.26.0 4111 1111 1111 1111", ""},
		{"phone", "0.047 1.526 0 1.766, 100 200 3000 4000, 01 02 03 04 05, 6d 01 00 00 00 00 ff, 0001 0002 0003", ""},
		{"phone", "for i := 0; i < 10000000; i++ { x[100-200-300] = 0x41555526 } // RFC 2119-1997", ""},
		{"phone", "call on 2024-01-15 or 15.01.2024; sizes 100 138 0013 8000 200", ""},
		{"phone", "第1章 12支玫瑰，共138元，2024年1月15日 10:30，编号 20240115001", ""},

		// Cards.
		{"card", "4111111111111111 4012888888881881 5555555555554444 2223003122003222", "[card] [card] [card] [card]"},
		{"card", "4111-1111-1111-1111, 3782 822463 10005, 3056 930902 5904", "[card], [card], [card]"},
		{"card", "卡号6222 0212 3456 7890 128 或6222021234567890128。", "卡号[card] 或[card]。"},
		{"card", "卡号6212 3412 3412 3412 2", "卡号6212 3412 3412 3412 2"},
		{"card", `{"card":4111111111111111,"n":"a\n4111111111111111"}`, `{"card":[card],"n":"a\n[card]"}`},
		{"card", "4111111111111112, 1234567812345670, 41111111111111110000", ""},
		{"card", "0.4111111111111111, $4111111111111111, id_4111111111111111, 4111111111111111.5, a4111111111111111", ""},
		{"card", "1700000000000000 1700000000000000000 2024 2025 2026 2027", ""},

		// IBANs.
		{"iban", "DE89370400440532013000, GB29 NWBK 6016 1331 9268 19; FR1420041010050500013M02606", "[iban], [iban]; [iban]"},
		{"iban", "DE89370400440532013001, DE89 3704, GB29NWBK, XX00123456789012345, RFC12345678901234567", ""},

		// IP addresses.
		{"ip", "from 203.0.113.7, http://198.51.100.4:8080/x and [2001:db8::1]:443.", "from [ip], http://[ip]:8080/x and [[ip]]:443."},
		{"ip", "10.20.30.40/8 fe80::1 fd00:1234::5", "[ip]/8 [ip] [ip]"},
		{"ip", "127.0.0.1 0.0.0.0 ::1 std::vector abc::def 12:30:45 1.2.3 8.1.2.6 Chrome/120.0.0.0 v40.1.2.3 300.1.2.3", ""},
	} {
		want := tc.want
		if want == "" {
			want = tc.in
		}
		if got := redactors[tc.word](tc.in); got != want {
			t.Errorf("%s: %q\n became %q\n   want %q", tc.word, tc.in, got, want)
		}
	}
}

// TestRedactRandomKeys: nearly every random key is found behind what says that
// it is one; by chance, some look like names.
func TestRedactRandomKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, alphabet := range []struct {
		chars string
		sizes []int
	}{
		{"0123456789abcdef", []int{32, 64}},
		{"0123456789abcdefghijklmnopqrstuvwxyz", []int{32}},
		{"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", []int{32, 48, 84}},
	} {
		for _, size := range alphabet.sizes {
			for _, form := range []string{"AZURE_OPENAI_KEY=%s", "Invalid API key: %s", "api-key: %s", `"api_key":"%s"`, "https://example.com/?key=%s", "Bearer %s", "client_secret=%s", "key: %s"} {
				const n = 20000
				missed := 0
				for range n {
					key := make([]byte, size)
					for i := range key {
						key[i] = alphabet.chars[r.IntN(len(alphabet.chars))]
					}
					if tracing.RedactKeys(fmt.Sprintf(form, key)) != fmt.Sprintf(form, "[key]") {
						missed++
					}
				}
				if missed > n/10000 {
					t.Errorf("%s with %d of %d characters: missed %d of %d", form, size, len(alphabet.chars), missed, n)
				}
			}
		}
	}
}

// TestRedactProse: a long conversation in two languages has nothing to take
// out.
func TestRedactProse(t *testing.T) {
	for _, lang := range []string{"zh", "en"} {
		turns, err := dialogue.FlowerShop(lang, 30)
		if err != nil {
			t.Fatal(err)
		}
		for _, turn := range turns {
			for word, redact := range redactors {
				for _, text := range []string{turn.User, turn.Reply} {
					if got := redact(text); got != text {
						t.Errorf("%s: %q became %q", word, text, got)
					}
				}
			}
		}
	}
}

// pieces are what texts for redactors are made of: things to find, and what
// stands around them.
var pieces = []string{" ", "\n", `\n`, `"`, ":", "=", ".", ",", "-", "_", "/", "@", "+", "(", ")", "%20", "：", "玫瑰", "é", "\xe7\x8e",
	"[key]", "[phone]", "1", "42", "138", "0013", "8000", "415", "555", "2671", "0171", "0049", "4111", "1111", "13800138000",
	"sk-proj-", letters40, hex32, "Bearer ", "password", "api_key", "API key", "AZURE_KEY", "key", " is ", "provided", "(", "**", "密钥", "--token", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", body,
	"https://", "user:", "mei@example.com", "a.b", "tel", "电话", "order", "DE89370400440532013000", "203.0.113.7", "2001:db8::1", jwt, "eyJ", "::", "4111 1111 1111 1111"}

func mixed(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// checkRedactor reports what is wrong with redact's answer to text.
func checkRedactor(redact func(string) string, text string) string {
	once := redact(text)
	switch twice := redact(once); {
	case twice != once:
		return fmt.Sprintf("is %q the first time and %q the second", once, twice)
	case utf8.ValidString(text) && !utf8.ValidString(once):
		return fmt.Sprintf("is not UTF-8: %q", once)
	case len(once) > len(text)+len(text)/4+1:
		return fmt.Sprintf("grew from %d to %d bytes", len(text), len(once))
	}
	return ""
}

// TestRedactMixtures: whatever stands beside each other, a second time changes
// nothing.
func TestRedactMixtures(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		text := mixed(r, 1+r.IntN(14))
		for word, redact := range redactors {
			if wrong := checkRedactor(redact, text); wrong != "" {
				t.Fatalf("%s: %q %s", word, text, wrong)
			}
		}
	}
}

func FuzzRedact(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		f.Add(mixed(r, 1+r.IntN(10)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for word, redact := range redactors {
			if wrong := checkRedactor(redact, text); wrong != "" {
				t.Errorf("%s: %q %s", word, text, wrong)
			}
		}
	})
}

// TestRedactLinear: sixteen times the text takes no more than about sixteen
// times as long, whatever the text.
func TestRedactLinear(t *testing.T) {
	for _, unit := range pieces {
		for _, with := range []string{"", " ", "a", ".", "@", "/", "=", "1 ", "-----BEGIN PRIVATE KEY-----\n", "://a:b"} {
			unit := unit + with
			for word, redact := range redactors {
				measure := func(n int) time.Duration {
					text := strings.Repeat(unit, n/len(unit)+1)
					begin := cputime.Process()
					redact(text)
					return cputime.Process() - begin
				}
				for try := 0; ; try++ {
					short, long := measure(4<<10), measure(64<<10)
					if long <= 50*short+10*time.Millisecond {
						break
					}
					if try == 5 {
						t.Errorf("%s of %.30q: %v for 4 KiB, %v for 64 KiB", word, unit, short, long)
						break
					}
				}
			}
		}
	}
}
