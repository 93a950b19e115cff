package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// versioned matches a path that says of which version the API is, as /v1 does.
var versioned = regexp.MustCompile(`(^|/)v[0-9]+[a-z0-9]*(/|$)`)

// baseURL returns the base URL at which programs on this machine reach the proxy
// for target. What a target says of the version programs leave out.
func baseURL(target *url.URL, at net.Addr) string {
	path := "/v1"
	if versioned.MatchString(target.Path) {
		path = ""
	}
	host := at.String()
	if everywhere(at) {
		_, port, _ := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":")
		host = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + host + path
}

// everywhere reports whether all of this machine's addresses lead there.
func everywhere(at net.Addr) bool {
	a, err := netip.ParseAddrPort(at.String())
	return err == nil && a.Addr().IsUnspecified()
}

// leadsBack reports whether target is the address at itself, so that a call would
// go round until there are no more connections.
func leadsBack(target *url.URL, at net.Addr) bool {
	a, err := netip.ParseAddrPort(at.String())
	if err != nil || portOf(target) != strconv.Itoa(int(a.Port())) {
		return false
	}
	hosts := []string{target.Hostname()}
	if hosts[0] == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, h := range hosts {
		to, err := netip.ParseAddr(h)
		if err != nil {
			continue
		}
		here := to.IsLoopback() || to.IsUnspecified()
		if to.Unmap() == a.Addr().Unmap() || here && a.Addr().IsUnspecified() || to.IsUnspecified() && a.Addr().IsLoopback() {
			return true
		}
	}
	return false
}

// portOf returns the port of a URL, if need be that of its scheme.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// checkPort says of a port, which may be a service's name, that it is none.
func checkPort(port string) error {
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("port %s is not from 0 to 65535", port)
	}
	return nil
}
