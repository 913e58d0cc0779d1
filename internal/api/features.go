package api

// features registers the operations of every feature.
func (s *Server) features() {
}
