package api

// features registers the operations of every feature.
func (s *Server) features() {
	s.authOps()
	s.myOps()
	s.regionOps()
	s.peopleOps()
	s.statementOps()
	s.ruleOps()
	s.trialOps()
	s.awardOps()
	s.expiryOps()
	s.partyOps()
	s.merchantOps()
	s.counterOps()
	s.boardOps()
	s.paperOps()
	s.userOps()
	s.reportOps()
	s.publicOps()
}
